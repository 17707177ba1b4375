"""What is known of every unit, as one schema: a station's own SQLite, and the plant's PostgreSQL.

`models` is the schema, `migrations` how it came to be, `station` what a station writes, `push` how
that reaches the plant, `query` what is asked of either. Records are only ever added: what happened
is never changed, and a later record says what became of it. SQLAlchemy is imported as this package
is, so whoever uses it imports it in the function that does.
"""
