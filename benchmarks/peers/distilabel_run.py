"""distilabel with its OpenAI client; a batch is what it sends at once, so a batch is the concurrency."""

import tempfile
from importlib.metadata import version

from distilabel.models.llms import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration
from measure import read_job, report

JOB = read_job()


def run() -> int:
    """Run a pipeline of one step over the requests."""
    rows = [{"instruction": request["messages"][0]["content"]} for request in JOB["requests"]]
    with tempfile.TemporaryDirectory() as cache, Pipeline(name="bench", cache_dir=cache) as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=JOB["concurrency"])
        write = TextGeneration(
            llm=OpenAILLM(
                model=JOB["model"],
                base_url=f"{JOB['endpoint']}/v1",
                api_key="none",
                timeout=600,
                generation_kwargs={"max_new_tokens": 64, "temperature": 1.0, "top_p": 1.0},
            ),
            input_batch_size=JOB["concurrency"],
        )
        load >> write
        answers = pipeline.run(use_cache=False)["default"]["train"]
        return sum(isinstance(answer, str) for answer in answers["generation"])


if __name__ == "__main__":
    report(run, version=version("distilabel"))
