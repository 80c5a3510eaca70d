"""Tests by name: where their files come from, how a row becomes an item, by which rule it is asked and scored."""
