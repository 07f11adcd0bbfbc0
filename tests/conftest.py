import pytest


@pytest.fixture(params=["jit", "no jit"])
def jit(request, monkeypatch):
    """Run with compiled kernels, then as Python, where an index out of bounds is an error.

    The test module names the modules that hold the kernels in KERNEL_MODULES.
    """
    if request.param == "no jit":
        for module in request.module.KERNEL_MODULES:
            for name, item in list(vars(module).items()):
                if hasattr(item, "py_func"):
                    monkeypatch.setattr(module, name, item.py_func)
    return request.param
