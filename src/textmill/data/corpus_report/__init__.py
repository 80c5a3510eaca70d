"""What there is to see in a corpus (`gather`), and the page that shows it (`page`)."""
