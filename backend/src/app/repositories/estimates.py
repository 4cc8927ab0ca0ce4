"""What PostgreSQL's planner thinks of a statement, without running it."""

from collections.abc import Mapping

from app.db.reading import Question, Reader


async def estimated_rows(reader: Reader, question: Question, values: Mapping[str, object]) -> int:
    """How many rows the planner expects in answer to the question, from the tables' statistics."""
    (plan,) = await reader.rows(question.explained, values)
    return int(plan["QUERY PLAN"][0]["Plan"]["Plan Rows"])
