"""The vocabulary of the API: what comes in, what goes out. Knows neither HTTP nor the database."""
