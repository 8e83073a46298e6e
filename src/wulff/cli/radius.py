"""`wulff radius`: the certified radius for an error, a probability, or a count."""

import json
from typing import Annotated

import typer

from wulff import certificates
from wulff._numerics.rounding import decimal_down, float_at_least
from wulff.certificates import Radii
from wulff.cli.console import decimal, error_from_rho
from wulff.cli.options import AlphaOption, DimOption, JsonOption, NoiseArgument, NormOption
from wulff.errors import InputError, NotCoveredError
from wulff.noises import Mixed, parse
from wulff.stats import check_alpha, error_upper_bound


def radius(
    noise: NoiseArgument,
    norm: NormOption = "l2",
    dim: DimOption = None,
    rho: Annotated[str | None, typer.Option(help="A lower bound on the label's probability.")] = None,
    error: Annotated[
        str | None, typer.Option(help="An upper bound on the probability of all other labels.")
    ] = None,
    misses: Annotated[int | None, typer.Option(help="Votes for other labels, out of --n.")] = None,
    n: Annotated[int | None, typer.Option(help="The number of votes.")] = None,
    alpha: AlphaOption = 1e-3,
    method: Annotated[str | None, typer.Option(help="One theorem by name, or `all`.")] = None,
    as_json: JsonOption = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Let the independent checker prove each radius.")
    ] = False,
) -> None:
    """Print the radius within which no adversary changes the label; rounded down."""
    bound = _error(rho, error, misses, n, alpha)

    def certified(name: str | None) -> Radii:
        if dim is None:
            return certificates.radius_in_any_dimension(noise, bound, norm, name)
        return certificates.certified_radius(noise, bound, norm, dim, name)

    if method == "all":
        entries = certificates.methods(noise if dim is None else parse(noise).in_dim(dim), norm)
        results: list[Radii] = []
        for name in dict.fromkeys(entry.method for entry in entries):
            try:
                results.append(certified(name))
            except NotCoveredError:
                continue
        results.sort(key=lambda radii: -float(radii.radius))
    else:
        results = [certified(method)]
    verdicts = [_verdict(radii) if verify else None for radii in results]
    for radii, verdict in zip(results, verdicts, strict=True):
        if as_json:
            fields = {
                "noise": noise,
                "norm": str(radii.norm),
                "dim": radii.noise.dim,
                "error": bound,
                "radius": float(radii.radius),
                "method": str(radii.method),
                "tight": bool(radii.tight),
            } | ({"verdict": verdict} if verdict else {})
            typer.echo(json.dumps(fields))
        else:
            quality = "tight" if radii.tight else "lower bound"
            how = (
                "nothing is certified at error ½ and above" if bound >= 0.5 else f"{radii.method}, {quality}"
            )
            found = f"; {verdict}" if verdict else ""
            typer.echo(f"{decimal_down(float(radii.radius), 6)}  ({how}{found})")
    if "FALSE" in verdicts:
        raise typer.Exit(1)


def _verdict(radii: Radii) -> str:
    """What the checker says of one radius."""
    from wulff import verify as checker  # needs python-flint

    if radii.method == "abstain":
        return "proven"
    sized = radii.noise.of_numbers() if isinstance(radii.noise, Mixed) else radii.noise
    law = checker.read_law(str(radii.noise), radii.noise.dim or 1, sized.scale)
    error, size = float(radii.error), float(radii.radius)
    return checker.radius(law, str(radii.norm), str(radii.method), error, size)


def _error(rho: str | None, error: str | None, misses: int | None, n: int | None, alpha: float) -> float:
    """The upper bound on the error, from whichever way it was given; rounded up."""
    check_alpha(alpha)
    given = [rho is not None, error is not None, misses is not None or n is not None]
    if sum(given) != 1:
        raise InputError(f"give one of --rho, --error, and --misses with --n; got {sum(given)} of them.")
    if rho is not None:
        return error_from_rho(rho)
    if error is not None:
        exact = decimal("--error", error)
        if not 0 < exact <= 1:
            raise InputError(f"--error must lie in (0, 1], got {error}; it is one minus the probability.")
        return float_at_least(exact)
    if misses is None or n is None:
        raise InputError("--misses and --n belong together: votes for other labels, out of how many.")
    return float(error_upper_bound(misses, n, alpha))
