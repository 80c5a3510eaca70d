"""What a model is put to work for."""
