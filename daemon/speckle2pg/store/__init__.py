"""The adapter to PostgreSQL: the only user of psycopg, yoyo and the embedded server."""
