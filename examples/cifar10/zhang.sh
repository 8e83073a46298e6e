#!/bin/bash
# Do the noises of Zhang et al. 2020 certify more than Gaussian and Laplace noise, of the same networks?
#
#     examples/cifar10/zhang.sh [--dry-run] DATA OUT [METHOD...]
#
# Needs the networks gaussian_SIGMA and laplace_SIGMA that reproduce.sh has trained in OUT; of the ones that are named
# (by default all that are there) each is smoothed with exp-l2(j, k = 2) and mixed-linf(j), or with exp-l1(j, k = 1),
# over a grid of j and of sigma in units of the sigma of the training. j = 0 is the noise of the training. As in the
# paper, only the noise differs. JS, FACTORS, SLICE, N and POLICY change the rest. Killed at any moment, the same
# command goes on. Then
#
#     python examples/cifar10/zhang.py OUT > examples/cifar10/zhang.md
set -eu
dry=
[ "${1-}" != --dry-run ] || { dry=yes; shift; }
[ $# -ge 2 ] || { echo "usage: zhang.sh [--dry-run] DATA OUT [METHOD...]" >&2; exit 2; }
data=$1 out=$2
shift 2
if [ $# -eq 0 ]; then
    for folder in "$out"/models/gaussian_* "$out"/models/laplace_*; do
        [ ! -f "$folder/weights.safetensors" ] || set -- "$@" "$(basename "$folder")"
    done
fi
[ $# -gt 0 ] || { echo "$out/models has no gaussian_SIGMA or laplace_SIGMA; reproduce.sh trains them" >&2; exit 2; }
read -ra policy <<< "${POLICY---dtype bf16 --compile --channels-last --batch 256}"

certify() {  # METHOD FAMILY NORM STOP PARAMETERS
    for j in ${JS:-0 500 1500}; do
        for factor in ${FACTORS:-0.8 1 1.25}; do
            sigma=$(awk "BEGIN { print ${1##*_} * $factor }")
            command=(wulff certify --model "$out/models/$1" --dataset "cifar10:$data" --slice "${SLICE:-::20}"
                --noise "$2(sigma=$sigma, j=$j$5)" --norm "$3" --n0 100 --n "${N:-10000}" --alpha 0.001
                --stop-radii "$4" "${policy[@]}" --store "$out/zhang/$1--$2--j_$j--x_$factor")
            if [ -n "$dry" ]; then printf '%q ' "${command[@]}"; echo; else "${command[@]}"; fi
        done
    done
}

radii=0.25,0.5,0.75,1,1.25,1.5,1.75,2,2.25
levels=0.00784314,0.01568628,0.02352942,0.03137256,0.0392157,0.04705883  # just above 2/255, 4/255, ...
for method; do
    case $method in
        gaussian_*)
            certify "$method" exp-l2 l2 $radii ", k=2"
            certify "$method" mixed-linf linf $levels "" ;;
        laplace_*) certify "$method" exp-l1 l1 $radii ", k=1" ;;
        *) echo "zhang.sh takes gaussian_SIGMA and laplace_SIGMA, got $method" >&2; exit 2 ;;
    esac
done
