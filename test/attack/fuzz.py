def run(report, host, tenant): pass
