"""How is the site built? `python -m sphinx -W --keep-going -b html docs build/docs`, without a network.

`pip install ".[docs]"` brings what it needs; `nox -s docs` does both.
"""

from __future__ import annotations

import sys
from pathlib import Path

import onepass

sys.path.insert(0, str(Path(__file__).parent))

project = "onepass"
author = "the onepass developers"
version = release = onepass.__version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "extension.mathml",
    "extension.coverage",
    "extension.optimizer_pages",
    "extension.schedule_pictures",
    "extension.migration",
    "extension.performance",
    "extension.commands",
]
exclude_patterns = ["README.md", "extension", "_static"]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4  # as on GitHub

# A name in single backticks is one of ours, as in the docstrings.
default_role = "py:obj"
autodoc_typehints = "none"
autodoc_inherit_docstrings = False  # those of torch are torch's
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Reference", "References"]
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"onepass {version}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_math_renderer = "mathml"
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
