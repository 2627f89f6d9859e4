"""How the relays of overlapping invocations take over from each other, while edits arrive all the while."""
