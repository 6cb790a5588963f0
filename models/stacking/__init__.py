"""Training many small networks of one shape at once: a leading member dimension over weights, batches and losses.

On a small network a step costs what its kernels cost to launch, so ten networks in one step cost little more than one.
The members of a stack differ in seed, data and hyperparameters; each has its own draws, its own history and its own
end. The numbers of a member do not depend on the others, bit for bit, and agree with those of `models.engine` to
rounding.

`models.stacking.shape` loads without torch.
"""
