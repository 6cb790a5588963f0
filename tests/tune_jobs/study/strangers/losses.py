import torch
import torch.nn.functional as F


def focal(outputs, targets, gamma: float = 2.0):
    log_p = F.log_softmax(outputs, dim=1).gather(1, targets[:, None])[:, 0]
    return (-((1 - log_p.exp()) ** gamma) * log_p).mean()


class WithRebuilding:
    """For the network with two heads: cross-entropy, and how well the digit is rebuilt from nothing."""

    metric_label = "Balanced accuracy"
    metric_unit = "%"
    higher_is_better = True

    def __init__(self, weight: float = 0.1):
        self.weight = weight

    def loss(self, outputs, targets):
        return F.cross_entropy(outputs["logits"], targets) + self.weight * outputs["rebuilt"].square().mean()

    def predict(self, outputs):
        return outputs["logits"].argmax(1)

    def metric(self, predictions, targets):
        shares = [(predictions[targets == c] == c).double().mean() for c in targets.unique()]
        return 100 * torch.stack(shares).mean()
