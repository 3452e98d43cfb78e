"""What every training stage can be told, a file for each kind of stage."""

from train_stages.config.adapter import AdapterConfig
from train_stages.config.base import RowsConfig, TrainConfig, read_config
from train_stages.config.mixture import MixtureConfig, PhaseConfig
from train_stages.config.preference import PreferenceConfig
from train_stages.config.rl import RlConfig
from train_stages.config.supervised import CptConfig, SftConfig, SupervisedConfig

__all__ = [
    "AdapterConfig",
    "CptConfig",
    "MixtureConfig",
    "PhaseConfig",
    "PreferenceConfig",
    "RlConfig",
    "RowsConfig",
    "SftConfig",
    "SupervisedConfig",
    "TrainConfig",
    "read_config",
]
