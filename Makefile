# Thin over `python3 -m tools`, which needs nothing but the standard library.
PYTHON ?= python3
export PORT TARGET_PORT EXIT

.PHONY: help demo serve test check fix bench screenshots
.DEFAULT_GOAL := help

help demo serve test check fix bench screenshots:
	@exec $(PYTHON) -m tools $@
