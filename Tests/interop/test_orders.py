"""One program on every broker: the shop of Examples/orders, of whose orders each has to end exactly one way, however often its provider is down."""


def test_in_memory(shop):
    report = shop("memory:")
    assert "shipped: 86\nrefused: 10\ndead-lettered: 4\n" in report


def test_on_files_and_again_on_the_same_files(shop, tmp_path):
    shop(f"file://{tmp_path}/events")
    shop(f"file://{tmp_path}/events")


def test_on_a_server(shop, apus_server):
    shop(apus_server.url.replace("http://", "apus://"))


def test_on_event_grid(shop, event_grid):
    # Dead letters in topics: the shop wants to see them.
    shop(event_grid().url() + "&deadLetters=topic")
