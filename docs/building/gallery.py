"""The page of all pictures, each with the code that draws it."""

import inspect

from wulff import reports

HEAD = """# Gallery

Every picture that explains noises, with its code. `wulff plot gallery -o FOLDER` draws all of them;
[The shapes of noise](shapes_of_noise.md) says what they mean. Figures of your own runs are in
[Reports](reports.md).
"""


def page() -> str:
    """The page's text."""
    return "\n".join([HEAD, *(_picture(name) for name in reports.GALLERY)])


def _picture(name: str) -> str:
    draw = reports.GALLERY[name]
    title = name.removesuffix(".png").replace("_", " ").capitalize().replace(" l", " against l")
    words = inspect.cleandoc(draw.__doc__ or "").partition("\n\n")[0]
    call = (
        f'from pathlib import Path\n\nfrom wulff import reports\n\nreports.GALLERY["{name}"](Path("{name}"))'
    )
    source = "".join(f"    {line}\n" for line in inspect.getsource(draw).splitlines())
    return (
        f"## {title}\n\n{words}\n\n![{title}](images/shapes/{name})\n\n```python\n{call}\n```\n\n"
        f'??? "How it is drawn"\n\n    ```python\n{source}    ```\n'
    )
