"""What the pages have in common: one way to make HTML, in which whatever is put in is escaped."""

from pathlib import Path


def environment(folder: Path):
    """A jinja2 environment for the templates in a folder; `page.css` may be included from it."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
