"""The soak: many records, edits on both sides at random, and then a look from outside at what became of each."""
