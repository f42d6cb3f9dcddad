# How well does an epidemic model describe an outbreak? Root mean square error, in persons in bed.
#
#     awk -f epidemic.awk model=sir beta=2.5 infectious=1.0 bed=2.0 first=2 influenza.csv
#
# Susceptible persons are infected at rate beta * S * I / N; with model=seir they become infectious
# only after `latent` days. After `infectious` days they go to bed, and after `bed` days they are
# well again. One day before the first record `first` persons are infectious. The equations are
# integrated by the classical Runge-Kutta method; every day's error so far is an intermediate
# result.

BEGIN { FS = ","; persons = 763; steps = 50 }
/^#/ || /^day/ { next }
{ observed[++days] = $2 }

END {
    if (days == 0)
        stop("there are no data")
    if (model != "sir" && model != "seir")
        stop("unknown model '" model "'")
    if (infectious <= 0 || bed <= 0 || (model == "seir" && latent <= 0))
        stop("infectious, bed and latent must be positive")
    S = persons - first; E = 0; I = first; B = 0
    for (day = 1; day <= days; day++) {
        for (step = 0; step < steps; step++)
            advance(1 / steps)
        squares += (B - observed[day]) ^ 2
        printf "DH-REPORT: %d %.6g\n", day, sqrt(squares / day)
        if (B > largest) {
            largest = B
            peak = day
        }
    }
    printf "DH-OUTPUT: {\"objective\": %.6f, \"metadata\": " \
           "{\"reproduction_number\": %.4f, \"peak_day\": %d, \"never_infected\": %.1f}}\n",
           sqrt(squares / days), beta * infectious, peak, S
}

function stop(text)
{
    print "epidemic.awk: " text > "/dev/stderr"
    exit 1
}

# The time derivatives, in the k-th column of d.
function slope(k, s, e, i, b,    infections, onsets)
{
    infections = beta * s * i / persons
    onsets = model == "seir" ? e / latent : infections
    dS[k] = -infections
    dE[k] = infections - onsets
    dI[k] = onsets - i / infectious
    dB[k] = i / infectious - b / bed
}

function advance(h)
{
    slope(1, S, E, I, B)
    slope(2, S + h / 2 * dS[1], E + h / 2 * dE[1], I + h / 2 * dI[1], B + h / 2 * dB[1])
    slope(3, S + h / 2 * dS[2], E + h / 2 * dE[2], I + h / 2 * dI[2], B + h / 2 * dB[2])
    slope(4, S + h * dS[3], E + h * dE[3], I + h * dI[3], B + h * dB[3])
    S += h / 6 * (dS[1] + 2 * dS[2] + 2 * dS[3] + dS[4])
    E += h / 6 * (dE[1] + 2 * dE[2] + 2 * dE[3] + dE[4])
    I += h / 6 * (dI[1] + 2 * dI[2] + 2 * dI[3] + dI[4])
    B += h / 6 * (dB[1] + 2 * dB[2] + 2 * dB[3] + dB[4])
}
