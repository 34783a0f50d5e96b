"""From a version on the server to rows in the database: plan, fetch, extract, load, notify."""
