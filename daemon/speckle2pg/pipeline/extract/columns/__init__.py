"""The columns of an element's row, family by family: each connector lays out its data in its own way."""
