"""The tutorial control: ORM entities, `from_attributes`, a correlated average for each hotel, a separate count."""
