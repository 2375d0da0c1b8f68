"""Searches files for the weights of a model: search-weights.py MODEL FOLDER-OR-FILE...

Prints each file that holds one of the model's 32-byte blocks; exits 1 if there is one. Blocks of
few different bytes (zeros, padding) say nothing and are left out.
"""
import pathlib
import sys

BLOCK = 32
MIN_DIFFERENT_BYTES = 20


def blocks(model):
    data = model.read_bytes()
    cut = (data[i:i + BLOCK] for i in range(0, len(data) - BLOCK + 1, BLOCK))
    return {block for block in cut if len(set(block)) >= MIN_DIFFERENT_BYTES}


def holds(path, wanted):
    data = path.read_bytes()
    return any(data[i:i + BLOCK] in wanted for i in range(len(data) - BLOCK + 1))


def files(roots):
    for root in map(pathlib.Path, roots):
        yield from (path for path in root.rglob("*") if path.is_file()) if root.is_dir() else [root]


wanted = blocks(pathlib.Path(sys.argv[1]))
assert wanted, "the model has no block that could be told from chance"
found = [path for path in files(sys.argv[2:]) if holds(path, wanted)]
for path in found:
    print(path)
sys.exit(1 if found else 0)
