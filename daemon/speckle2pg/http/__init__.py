"""The daemon's HTTP application: health, metrics and requests of people and programs."""
