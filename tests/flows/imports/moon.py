def new_moons(first, count):
    from dateutil.relativedelta import relativedelta

    return [first + relativedelta(days=29 * n) for n in range(count)]


def published(moons, bucket):
    import boto3

    boto3.client("s3").put_object(Bucket=bucket, Key="moons", Body="\n".join(moons))
