"""The asking side: draw numbers from the step's seed, another ten for every miner, and add them too."""

from collections.abc import Mapping
from pathlib import Path

from meritnet.cli.template.sums.messages import MAX_ANSWER_BYTES, PATH, Question, parse_question, parse_reply
from meritnet.subnets.base import Answer, ArtifactRef, Score, Task
from meritnet.subnets.draws import Draws


class SumsValidator:
    def task(self, seed: bytes, uid: int) -> Task:
        draws = Draws(seed, "sums", uid)
        question = Question(numbers=tuple(draws.below(10**6) for _ in range(10)))
        return Task(
            PATH, question.model_dump_json().encode(), deadline_s=5, max_answer_bytes=MAX_ANSWER_BYTES
        )

    def artifacts(self, task: Task, answer: Answer) -> list[ArtifactRef]:
        return []

    async def score(self, task: Task, answer: Answer, artifacts: Mapping[str, Path]) -> Score:
        due = sum(parse_question(task.body).numbers)
        said = parse_reply(answer.body).total
        return Score(float(said == due), why=f"said {said}, it is {due}", evidence={"due": due})
