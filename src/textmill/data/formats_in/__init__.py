"""One file a format or family of formats: from bytes to records (in the reading process) or to fields (in a worker)."""
