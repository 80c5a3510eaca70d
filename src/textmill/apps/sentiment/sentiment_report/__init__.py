"""What a file of judged texts says, on one page: shares, trend, aspects, segments, drift, calibration, quotes."""
