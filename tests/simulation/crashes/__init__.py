"""Crashes: killed anywhere, throttled anywhere, two at once; the end is always the same.

A world is deployed once and a story brought to where it starts; then each trial happens in a fork of that process, so
that all of them start from exactly the same state and none sees what another did.

    forks      a piece of work, done in a copy of this process
    bed        the world under trial, watched effect by effect and call by call
    scenarios  where a story starts, and what sets it going
    kinds      what goes wrong, and where
    end        what two ends are compared by
    trial      one scenario, one kind of trouble, one point
    mutants    defects put in on purpose, which the trials must find
    stem       the process the trials grow from
"""
