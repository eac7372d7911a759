"""`python -m tests.bench.endless FILE`: a client of the bench whose work is to wait."""

import time

from script.benchmark import clients


def main() -> None:
    specification = clients.specification()

    def make_step(thread: int) -> clients.Step:
        if specification.get("broken"):
            raise RuntimeError("nothing to do here")

        def step() -> int:
            time.sleep(0.005)
            return 5000

        return step

    clients.serve(specification, make_step)


if __name__ == "__main__":
    main()
