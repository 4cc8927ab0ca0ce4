"""Search: filters as SQL, exact totals, and the plans that find the ids of one page."""
