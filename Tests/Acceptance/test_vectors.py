"""The vectors that the unit tests read are what their scripts make."""
import pathlib
import subprocess
import sys

VECTORS = pathlib.Path(__file__).parent.parent / "Vectors"


def test_the_sealing_vectors_are_current_and_the_published_ones_hold():
    subprocess.run([sys.executable, VECTORS / "sealing" / "make.py", "--check"], check=True)
