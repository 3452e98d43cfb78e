"""What every training stage can be told, a file for each kind of stage."""

from train_stages.config.adapter import AdapterConfig
from train_stages.config.base import WATCHING, RowsConfig, StageConfig, TrainConfig, read_config
from train_stages.config.distil import DistilConfig
from train_stages.config.fisher import FisherConfig
from train_stages.config.likra import LikraConfig
from train_stages.config.merge import MergeConfig, TaskVector
from train_stages.config.mixture import MixtureConfig, PhaseConfig
from train_stages.config.preference import PreferenceConfig
from train_stages.config.rl import RlConfig
from train_stages.config.supervised import CptConfig, SftConfig, SupervisedConfig
from train_stages.config.verifier import VerifierConfig

__all__ = [
    "WATCHING",
    "AdapterConfig",
    "CptConfig",
    "DistilConfig",
    "FisherConfig",
    "LikraConfig",
    "MergeConfig",
    "MixtureConfig",
    "PhaseConfig",
    "PreferenceConfig",
    "RlConfig",
    "RowsConfig",
    "SftConfig",
    "StageConfig",
    "SupervisedConfig",
    "TaskVector",
    "TrainConfig",
    "VerifierConfig",
    "read_config",
]
