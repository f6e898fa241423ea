"""The version that stands in manifests, in the User-Agent and behind `--version`."""

VERSION = "0.1.0"
