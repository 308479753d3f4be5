"""Show the main features on real data."""


def run(arguments: list[str]) -> int:
    from velaria.flight_server.demo import main

    return main(arguments)
