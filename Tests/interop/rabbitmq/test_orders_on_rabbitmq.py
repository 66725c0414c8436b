"""The shop of Examples/orders on RabbitMQ, twice: the second run finds the queues of the first."""


def test_every_order_ends_exactly_one_way(shop, rabbitmq):
    shop(rabbitmq.url)
    shop(rabbitmq.url)
