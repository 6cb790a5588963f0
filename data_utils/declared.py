from dataclasses import dataclass


@dataclass(frozen=True)
class Declaration:
    name: str
    function: str = ""
    label: str = ""

    @classmethod
    def from_mapping(cls, name, mapping):
        return cls(name, mapping.get("function", ""), mapping.get("label", ""))


def describe(declaration, *, folders, options={}):
    raise NotImplementedError
