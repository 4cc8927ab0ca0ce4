"""What PostgreSQL's planner thinks of a statement, without running it."""

from collections.abc import Mapping

from app.db.reading import Asks, Question


async def estimated_rows(database: Asks, question: Question, values: Mapping[str, object]) -> int:
    """How many rows the planner expects in answer to the question, from the tables' statistics."""
    (plan,) = await database.rows(question.explained, values)
    return int(plan["QUERY PLAN"][0]["Plan"]["Plan Rows"])
