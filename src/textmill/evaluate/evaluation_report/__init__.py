"""The page and the Markdown of `textmill report evaluation`: models side by side, suite by suite, to single items."""
