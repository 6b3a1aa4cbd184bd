"""`python -m tests.bench NAME [options]`."""

import sys

from tests.bench import contract, filters, growth, pagestorm

BENCHMARKS = {
    "contract": contract.main,
    "filters": filters.main,
    "growth": growth.main,
    "pagestorm": pagestorm.main,
}


def main() -> int:
    """Run the benchmark that the command line names."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name not in BENCHMARKS:
        print(f"Usage: ./run bench NAME [options]; there are: {', '.join(BENCHMARKS)}")
        return 0 if name in {"-h", "--help"} else 2
    return BENCHMARKS[name](arguments)


if __name__ == "__main__":
    sys.exit(main())
