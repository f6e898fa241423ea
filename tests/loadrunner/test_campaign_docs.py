"""Every YAML block of docs/campaigns.md is a part of a campaign that works."""

import re
from pathlib import Path

import pytest
import yaml

from loadrunner.campaign.file import load
from loadrunner.campaign.schema import (
    CampaignFile,
    DataSection,
    LoadSection,
    MetricSection,
    MixSection,
    RequestSection,
    ScenarioSection,
    Section,
    StepSection,
    TargetSection,
)
from loadrunner.errors import CampaignError

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "campaigns.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_the_first_block_is_a_whole_campaign(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(BLOCKS[0], encoding="utf-8")

    campaign = load(file, {}, {})

    assert campaign.name == "shop"
    assert campaign.scenarios[0].load[0].rate_to == 10


@pytest.mark.parametrize("block", BLOCKS[1:], ids=lambda block: block.split("\n")[0])
def test_each_further_block_fits_into_the_first(block: str, tmp_path: Path) -> None:
    # yaml's own reader takes `on` for a boolean; its base loader leaves every value a text.
    whole = yaml.load(BLOCKS[0], yaml.BaseLoader) | yaml.load(block, yaml.BaseLoader)
    for beside in ("data", "journeys.py"):
        (tmp_path / beside).symlink_to(ROOT / "examples" / beside)
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")

    campaign = load(file, {}, {}, allow_destructive=True)

    assert campaign.skipped == {}


@pytest.mark.parametrize(
    "section",
    [
        TargetSection,
        RequestSection,
        StepSection,
        ScenarioSection,
        LoadSection,
        DataSection,
        MetricSection,
        MixSection,
        CampaignFile,
    ],
)
def test_every_key_is_explained(section: type[Section]) -> None:
    keys = [field.alias or name for name, field in section.model_fields.items()]
    assert [key for key in keys if f"`{key}`" not in TEXT and f"{key}:" not in TEXT] == []


def test_the_error_that_the_page_shows_is_the_one_that_is_printed(tmp_path: Path) -> None:
    shown = re.search(r"^shop\.yaml, line .*$", TEXT, re.MULTILINE)
    file = tmp_path / "shop.yaml"
    file.write_text(BLOCKS[0].replace("duration: 30s", "duration: 10"), encoding="utf-8")

    with pytest.raises(CampaignError) as caught:
        load(file, {}, {})

    assert shown is not None
    printed = str(caught.value).replace(f"{tmp_path}/", "")
    assert printed == shown[0]
