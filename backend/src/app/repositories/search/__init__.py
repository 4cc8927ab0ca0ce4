"""Search: the filters in SQL, exact totals, and the strategies that find the ids of one page."""
