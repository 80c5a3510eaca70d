"""Raw text of many forms in, a clean corpus out."""
