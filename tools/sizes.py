"""What is long: files, functions and lists of parameters, to look at before adding to them."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE_LINES, FUNCTION_LINES, PARAMETERS = 400, 40, 6


def main() -> None:
    """Print one line for each; nothing is an error."""
    for package in ("coral", "streams", "detectors"):
        for path in sorted((ROOT / package).glob("**/*.py")):
            text, where = path.read_text(), path.relative_to(ROOT)
            lines = len(text.splitlines())
            if lines > FILE_LINES:
                print(f"{where}: {lines} lines")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef):
                    _report(node, str(where))


def _report(node: ast.FunctionDef, where: str) -> None:
    start = node.body[0].lineno if ast.get_docstring(node) is None else node.body[0].end_lineno
    lines = (node.end_lineno or 0) - (start or 0) + 1
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    parameters = [a for a in arguments if a.arg not in ("self", "cls")]
    if lines > FUNCTION_LINES:
        print(f"{where}:{node.lineno} {node.name}: {lines} lines")
    if len(parameters) > PARAMETERS:
        print(f"{where}:{node.lineno} {node.name}: {len(parameters)} parameters")


if __name__ == "__main__":
    main()
