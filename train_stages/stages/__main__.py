"""Any stage as a process: `python -m train_stages.stages NAME --config job.json`, also one of another package."""

import sys

from storage.errors import RecipeError
from train_stages.process.job import main
from train_stages.stages import STAGES, get_stage

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(f"error: name a stage: {', '.join(STAGES.names())}")
    try:
        stage = get_stage(sys.argv.pop(1))
    except RecipeError as error:
        sys.exit(f"error: {error}")
    main(stage.name, stage.run, stage.check)
