"""`erblock.toml`: every setting, its default and what it means.

    Config
    ├── tables  TablesConfig   the tables, how to read them, which columns to compare
    ├── rules   RulesConfig    when two records are the same entity, and when not
    ├── fit     FitConfig      training of the neural hash
    ├── distill DistillConfig  a fast student of a neural model
    ├── block   BlockConfig    candidate pairs and their budget
    ├── match   MatchConfig    matches among the candidates, and entities
    └── check   CheckConfig    limits for pairs and matches

Command-line options override the file. Paths in the file are relative to the file's own folder.
"""

from erblock.config.limits import CheckConfig as CheckConfig
from erblock.config.load import DEFAULT_FILE as DEFAULT_FILE
from erblock.config.load import PATHS as PATHS
from erblock.config.load import did_you_mean as did_you_mean
from erblock.config.load import given_config as given_config
from erblock.config.load import is_settings as is_settings
from erblock.config.load import load_config as load_config
from erblock.config.patterns import bytes_of as bytes_of
from erblock.config.reading import READING as READING
from erblock.config.reading import TablesConfig as TablesConfig
from erblock.config.sections import SECTIONS as SECTIONS
from erblock.config.sections import BlockConfig as BlockConfig
from erblock.config.sections import Config as Config
from erblock.config.sections import DistillConfig as DistillConfig
from erblock.config.sections import FitConfig as FitConfig
from erblock.config.sections import MatchConfig as MatchConfig
from erblock.config.sections import RulesConfig as RulesConfig
