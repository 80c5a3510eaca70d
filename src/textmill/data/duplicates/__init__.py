"""What is there more than once: nearly equal documents, lines and paragraphs of many, evaluation sets in the text."""
