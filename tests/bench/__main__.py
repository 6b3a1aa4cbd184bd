"""`python -m tests.bench NAME [options]`."""

import sys

from tests.bench import bigsettings, contract, filters, growth, overhead, pagestorm, warm, writes

BENCHMARKS = {
    "bigsettings": bigsettings.main,
    "contract": contract.main,
    "filters": filters.main,
    "growth": growth.main,
    "overhead": overhead.main,
    "pagestorm": pagestorm.main,
    "warm": warm.main,
    "writes": writes.main,
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
