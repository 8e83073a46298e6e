"""Geometry: unit balls, Wulff crystals, growth, the limits of smoothing, and advice that follows from it."""

from typing import TYPE_CHECKING

from wulff._lazy import loaded_when_used

if TYPE_CHECKING:
    from wulff.geometry.advice import Advice, Candidate, Choice, advise, shape_of
    from wulff.geometry.attained import (
        REPRESENTATIVES,
        LimitRow,
        Usefulness,
        growing_dimensions,
        limits_table,
        resized,
        sized_by,
        usefulness,
    )
    from wulff.geometry.balls import LpBall
    from wulff.geometry.bodies import Body
    from wulff.geometry.cotype import CotypeConstant, cotype_constant, cotype_ratio
    from wulff.geometry.crystals import Zonotope, vertex_mean, wulff_crystal
    from wulff.geometry.densities import log_density, log_ratio
    from wulff.geometry.equivalence import level_equivalent, phi_at_half
    from wulff.geometry.expansion import (
        growth,
        growths,
        least_growth,
        least_growth_against_linf,
        log_growth,
        mean_growth,
        worst_growth,
    )
    from wulff.geometry.growth_functions import Bracket, growth_function, total_variation
    from wulff.geometry.limits import PublishedLimit, explicit_bound, least_affinity, published_limits
    from wulff.geometry.neyman_pearson import BestSet, best_set
    from wulff.geometry.polytopes import Polytope, edges
    from wulff.geometry.sampling import VolumeBounds, determinant_bounds, hit_and_run, volume_bounds
    from wulff.geometry.search import Search, distance, search_polygon
    from wulff.geometry.tradeoff import Decomposition, ToyPoint, decompose, frontier, toy_points

__all__ = [
    "REPRESENTATIVES",
    "Advice",
    "BestSet",
    "Body",
    "Bracket",
    "Candidate",
    "Choice",
    "CotypeConstant",
    "Decomposition",
    "LimitRow",
    "LpBall",
    "Polytope",
    "PublishedLimit",
    "Search",
    "ToyPoint",
    "Usefulness",
    "VolumeBounds",
    "Zonotope",
    "advise",
    "best_set",
    "cotype_constant",
    "cotype_ratio",
    "decompose",
    "determinant_bounds",
    "distance",
    "edges",
    "explicit_bound",
    "frontier",
    "growing_dimensions",
    "growth",
    "growth_function",
    "growths",
    "hit_and_run",
    "least_affinity",
    "least_growth",
    "least_growth_against_linf",
    "level_equivalent",
    "limits_table",
    "log_density",
    "log_growth",
    "log_ratio",
    "mean_growth",
    "phi_at_half",
    "published_limits",
    "resized",
    "search_polygon",
    "shape_of",
    "sized_by",
    "total_variation",
    "toy_points",
    "usefulness",
    "vertex_mean",
    "volume_bounds",
    "worst_growth",
    "wulff_crystal",
]

__getattr__, __dir__ = loaded_when_used(
    __name__,
    {
        ".advice": "Advice Candidate Choice advise shape_of",
        ".attained": "REPRESENTATIVES LimitRow Usefulness growing_dimensions limits_table resized sized_by"
        " usefulness",
        ".balls": "LpBall",
        ".bodies": "Body",
        ".cotype": "CotypeConstant cotype_constant cotype_ratio",
        ".crystals": "Zonotope vertex_mean wulff_crystal",
        ".densities": "log_density log_ratio",
        ".equivalence": "level_equivalent phi_at_half",
        ".expansion": "growth growths least_growth least_growth_against_linf log_growth mean_growth"
        " worst_growth",
        ".growth_functions": "Bracket growth_function total_variation",
        ".limits": "PublishedLimit explicit_bound least_affinity published_limits",
        ".neyman_pearson": "BestSet best_set",
        ".polytopes": "Polytope edges",
        ".sampling": "VolumeBounds determinant_bounds hit_and_run volume_bounds",
        ".search": "Search distance search_polygon",
        ".tradeoff": "Decomposition ToyPoint decompose frontier toy_points",
    },
)
