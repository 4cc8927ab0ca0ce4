"""PostgreSQL: sessions and the read pool, compiled statements, errors, migrations, selection of the database."""
