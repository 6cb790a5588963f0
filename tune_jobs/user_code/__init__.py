"""The user's own networks, losses, optimizers, schedules and datasets: how their modules are found, carried to workers and described. What a study says about them is in study/."""
